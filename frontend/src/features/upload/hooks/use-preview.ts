import { useEffect, useRef } from 'react';

const LONGEST_EDGE = 840;

/** A ref for a canvas that shows the picture; one that this browser cannot read leaves it empty. */
export function usePreview(picture: File) {
  const canvas = useRef<HTMLCanvasElement>(null);

  useEffect(() => {
    let isCurrent = true;
    function show(bitmap: ImageBitmap) {
      const context = canvas.current?.getContext('2d');
      if (isCurrent && context) {
        const shrink = Math.min(1, LONGEST_EDGE / Math.max(bitmap.width, bitmap.height));
        context.canvas.width = bitmap.width * shrink;
        context.canvas.height = bitmap.height * shrink;
        context.drawImage(bitmap, 0, 0, context.canvas.width, context.canvas.height);
      }
      bitmap.close();
    }
    // A canvas, as <img> would need a blob: URL, which a strict content security policy refuses.
    createImageBitmap(picture).then(show, () => undefined);
    return () => {
      isCurrent = false;
    };
  }, [picture]);

  return canvas;
}
