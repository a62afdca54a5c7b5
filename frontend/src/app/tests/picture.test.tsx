import { createEvent, fireEvent, screen } from '@testing-library/react';
import { expect, test } from 'vitest';

import { drawLine, nthRequest, openPage } from '@/testing/open-page';
import { digit, sentFile, serve } from '@/testing/server';

const photo = new File(['photo'], 'three.jpg', { type: 'image/jpeg' });
const notes = new File(['notes'], 'notes.txt', { type: 'text/plain' });

function drop(...files: File[]) {
  const event = createEvent.drop(document.body, {});
  Object.defineProperty(event, 'dataTransfer', { value: { files, types: ['Files'] } });
  fireEvent(document.body, event);
  return event;
}

test('a chosen picture is sent as it is', async () => {
  const asked = serve();
  const { user } = await openPage();
  await user.upload(screen.getByLabelText('Choose a picture'), photo);
  const request = await nthRequest(asked, 1);
  expect(sentFile(request)).toMatchObject({ name: 'three.jpg', type: 'image/jpeg' });
  expect(await sentFile(request).text()).toBe('photo');
  request.answer(200, digit(3));
  expect(await screen.findByTestId('label')).toHaveTextContent('3');
  expect(screen.getByText('three.jpg')).toBeVisible();
});

test('a picture can be dropped anywhere, and a new stroke takes its place', async () => {
  const asked = serve();
  const { pad } = await openPage();
  const event = drop(notes, photo);
  expect(event.defaultPrevented).toBe(true);
  expect(sentFile(await nthRequest(asked, 1)).name).toBe('three.jpg');
  drawLine(pad, [50, 20], [50, 80]);
  expect(screen.queryByText('three.jpg')).toBeNull();
  expect(sentFile(await nthRequest(asked, 2)).name).toBe('drawing.png');
});

test('a picture can be pasted', async () => {
  const asked = serve();
  await openPage();
  fireEvent.paste(document.body, { clipboardData: { files: [photo] } });
  expect(sentFile(await nthRequest(asked, 1)).name).toBe('three.jpg');
});

test('a dropped file that is no picture is refused in words, until something else is tried', async () => {
  const asked = serve();
  const { pad } = await openPage();
  drop(notes);
  expect(await screen.findByRole('alert')).toHaveTextContent('notes.txt is not a picture');
  expect(asked).toHaveLength(0);
  drawLine(pad, [50, 20], [50, 80]);
  expect(screen.queryByRole('alert')).toBeNull();
});
