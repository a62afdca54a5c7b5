import { act, fireEvent, render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';

import { App } from '@/app/app';
import { Providers } from '@/app/providers';

import type { Asked } from './server';

/** Shows the page and waits for the pad. */
export async function openPage() {
  const user = userEvent.setup();
  render(<App />, { wrapper: Providers });
  return { user, pad: await screen.findByLabelText('Drawing pad') };
}

/** Draws a line on the pad, in percent of its edges. */
export function drawLine(pad: HTMLElement, from: [number, number], to: [number, number]): void {
  const pointer = { pointerId: 1, isPrimary: true, button: 0 };
  fireEvent.pointerDown(pad, { ...pointer, clientX: from[0], clientY: from[1] });
  fireEvent.pointerMove(pad, { ...pointer, clientX: to[0], clientY: to[1] });
  fireEvent.pointerUp(pad, { ...pointer, clientX: to[0], clientY: to[1] });
}

/** Waits until the page has sent that many requests to /classify; gives the latest. */
export function nthRequest(asked: Asked[], count: number): Promise<Asked> {
  return waitFor(() => {
    const latest = asked.at(-1);
    if (!latest || asked.length !== count) {
      throw new Error(`${asked.length} requests to /classify, not ${count}`);
    }
    return latest;
  });
}

/** Waits until the page has done all it can with what it has. */
export async function settled(): Promise<void> {
  await act(async () => {
    await new Promise((resolve) => setTimeout(resolve, 10));
  });
}
