import '@testing-library/jest-dom/vitest';

import { cleanup, configure } from '@testing-library/react';
import { afterEach, beforeEach, vi } from 'vitest';

import { painted } from './painted';

// A busy machine may take its time.
configure({ asyncUtilTimeout: 10_000 });

// What the test environment lacks: canvases that paint, and decoded pictures.
beforeEach(() => {
  painted.length = 0;
  vi.spyOn(HTMLCanvasElement.prototype, 'getContext').mockImplementation(painted.context);
  vi.spyOn(HTMLCanvasElement.prototype, 'toBlob').mockImplementation((done) =>
    done(new Blob(['drawing'], { type: 'image/png' })),
  );
  vi.spyOn(HTMLCanvasElement.prototype, 'setPointerCapture').mockReturnValue();
  vi.spyOn(HTMLCanvasElement.prototype, 'getBoundingClientRect').mockReturnValue(new DOMRect(0, 0, 100, 100));
  vi.stubGlobal('createImageBitmap', () => Promise.reject(new Error('no decoder')));
});

afterEach(() => {
  cleanup();
  localStorage.clear();
  location.hash = '';
});
