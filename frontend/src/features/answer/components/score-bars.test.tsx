import { fireEvent, render, screen } from '@testing-library/react';
import { expect, test } from 'vitest';

import { ScoreBars } from './score-bars';

test('of many classes the best come first, and the rest on demand', () => {
  const scores = Array.from({ length: 50 }, (_, index) => (index === 33 ? 0.51 : 0.01));
  render(<ScoreBars labels={scores.map((_, index) => `class ${index}`)} scores={scores} />);
  const shown = screen.getAllByRole('listitem');
  expect(shown).toHaveLength(20);
  expect(shown[0]).toHaveTextContent('class 33');
  expect(shown[0]).toHaveAttribute('aria-current', 'true');
  fireEvent.click(screen.getByRole('button', { name: 'Show all 50' }));
  expect(screen.getAllByRole('listitem')).toHaveLength(50);
});
