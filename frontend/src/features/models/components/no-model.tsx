import { ErrorMessage } from '@/shared/components/error-message';

import type { Model } from '../api/get-models';

/** Says why nothing can be asked. */
export function NoModel({ models }: { models: readonly Model[] }) {
  const reasons = models.flatMap(({ name, versions }) =>
    versions.map(({ version, reason }) => `${name}, version ${version}: ${reason}`),
  );
  const text = reasons.length > 0 ? `No model could be loaded. ${reasons.join(' ')}` : 'No model is served.';
  return <ErrorMessage error={new Error(text)} />;
}
