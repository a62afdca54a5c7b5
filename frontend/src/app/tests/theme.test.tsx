import { screen } from '@testing-library/react';
import { expect, test } from 'vitest';

import { applyTheme } from '@/shared/hooks/use-theme';
import { openPage } from '@/testing/open-page';
import { serve } from '@/testing/server';

test('the theme follows the system until one is chosen, which holds for the next visit', async () => {
  serve();
  applyTheme();
  expect(document.documentElement.dataset.theme).toBe('light');
  const { user } = await openPage();
  const toggle = screen.getByRole('button', { name: 'Dark theme' });
  expect(toggle).toHaveAttribute('aria-pressed', 'false');

  await user.click(toggle);
  expect(document.documentElement.dataset.theme).toBe('dark');
  expect(toggle).toHaveAttribute('aria-pressed', 'true');

  delete document.documentElement.dataset.theme;
  applyTheme();
  expect(document.documentElement.dataset.theme).toBe('dark');
});
