import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

import { applyTheme } from '@/shared/hooks/use-theme';

import { Docs } from './docs';

const root = document.getElementById('root');
if (!root) {
  throw new Error('docs.html has no element with the id root');
}
applyTheme();
createRoot(root).render(
  <StrictMode>
    <Docs />
  </StrictMode>,
);
