import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const server = 'http://127.0.0.1:5000';

export default defineConfig({
  // Everything is found relative to the page, which may lie under a prefix of another app or of a proxy.
  base: './',
  plugins: [react()],
  resolve: { tsconfigPaths: true },
  build: {
    // The Python package serves what is built here.
    outDir: '../pyapp/static',
    emptyOutDir: true,
    // The page itself, and what explains the API at /docs.
    rolldownOptions: { input: ['index.html', 'docs.html'] },
    // Inlined assets would be data: URLs, which a strict content security policy refuses.
    assetsInlineLimit: 0,
    // What the two share is one small chunk: nothing to preload.
    modulePreload: { polyfill: false },
    // The licence texts of what is bundled travel with it.
    license: { fileName: 'licenses.md' },
  },
  server: {
    proxy: { '/api': server, '/classify': server, '/healthz': server, '/openapi.json': server },
  },
});
