/** A share as a percentage that claims neither certainty nor impossibility by rounding. */
export function formatPercent(share: number): string {
  if (share > 0 && share < 0.001) {
    return '<0.1%';
  }
  if (share < 1 && share > 0.999) {
    return '>99.9%';
  }
  return `${(share * 100).toFixed(1)}%`;
}

export function formatMilliseconds(milliseconds: number): string {
  const digits = milliseconds < 1 ? 2 : milliseconds < 100 ? 1 : 0;
  return `${milliseconds.toFixed(digits)} ms`;
}

export function formatValue(value: number): string {
  return value.toLocaleString('en', { maximumSignificantDigits: 6 });
}

/** A number with its sign: how far something is from something else. */
export function formatDifference(value: number): string {
  const digits = Math.abs(value) >= 0.001 || value === 0 ? value.toFixed(3) : value.toExponential(1);
  return `${value > 0 ? '+' : ''}${digits}`.replaceAll('-', '−');
}

export function formatCount(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 1 });
}
