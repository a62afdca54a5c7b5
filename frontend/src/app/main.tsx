import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

import { App } from './app';
import { applyTheme } from '@/shared/hooks/use-theme';
import { Providers } from './providers';

const root = document.getElementById('root');
if (!root) {
  throw new Error('index.html has no element with the id root');
}
applyTheme();
createRoot(root).render(
  <StrictMode>
    <Providers>
      <App />
    </Providers>
  </StrictMode>,
);
