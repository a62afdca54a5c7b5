import { useEffect, useId, useRef } from 'react';

import { inWords, pixelsOf, scaled, type Grid } from '../lib/heat';
import styles from './explanation.module.css';

/** As in the legend of explanation.module.css; both stand out from white and from black. */
const FOR = '18 150 137';
const AGAINST = '214 92 36';

interface Props {
  numbers: readonly number[];
  grid: Grid;
  /** What the pixels spoke for. */
  subject: string;
}

/** The picture as the model sees it: each pixel in the colour of what it has added. */
export function HeatMap({ numbers, grid, subject }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const wordsId = useId();
  const pixels = pixelsOf(numbers, grid);

  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context) {
      return;
    }
    context.clearRect(0, 0, grid.width, grid.height);
    scaled(pixelsOf(numbers, grid)).forEach((value, pixel) => {
      // The root shows small contributions too.
      context.fillStyle = `rgb(${value > 0 ? FOR : AGAINST} / ${Math.sqrt(Math.abs(value)).toFixed(3)})`;
      context.fillRect(pixel % grid.width, Math.floor(pixel / grid.width), 1, 1);
    });
  }, [numbers, grid]);

  return (
    <figure className={styles.map}>
      <canvas
        ref={canvas}
        // It takes no input: it is a picture.
        // eslint-disable-next-line jsx-a11y/no-interactive-element-to-noninteractive-role
        role="img"
        aria-label={`What each pixel has added to ${subject}`}
        aria-describedby={wordsId}
        width={grid.width}
        height={grid.height}
        className={styles.canvas}
      />
      <Legend subject={subject} />
      <figcaption id={wordsId} className={styles.note}>
        {inWords(pixels, grid)} The picture as the model sees it: {grid.width} × {grid.height}.
      </figcaption>
    </figure>
  );
}

function Legend({ subject }: { subject: string }) {
  return (
    <div className={styles.legend}>
      against {subject}
      <span className={styles.scale} />
      for {subject}
    </div>
  );
}
