import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

import { Docs } from './docs';

const root = document.getElementById('root');
if (!root) {
  throw new Error('docs.html has no element with the id root');
}
createRoot(root).render(
  <StrictMode>
    <Docs />
  </StrictMode>,
);
