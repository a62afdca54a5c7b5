/** The duration of the metric `total` in a Server-Timing header, in milliseconds. */
export function serverMilliseconds(header: string | null): number | undefined {
  for (const metric of (header ?? '').split(',')) {
    const [name, ...parameters] = metric.split(';').map((part) => part.trim());
    const duration = parameters.find((parameter) => parameter.startsWith('dur='));
    if (name === 'total' && duration) {
      const milliseconds = Number(duration.slice('dur='.length));
      return Number.isFinite(milliseconds) ? milliseconds : undefined;
    }
  }
  return undefined;
}
