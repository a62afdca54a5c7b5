import type { Model } from '@/shared/api/schema';
import { ErrorMessage } from '@/shared/components/error-message';

import { useLiveModels } from '../hooks/use-live-models';

/** Says why nothing can be asked; goes as soon as something can be. */
export function NoModel({ models }: { models: readonly Model[] }) {
  useLiveModels();
  const reasons = models.flatMap(({ name, versions }) =>
    versions.map(
      ({ version, state, reason }) => `${name}, version ${version}: ${reason || state.toLowerCase()}`,
    ),
  );
  const text =
    reasons.length > 0
      ? `No model can answer. ${reasons.join('; ')}.`
      : 'There is no model yet: flask models import brings one into the store, and it appears here.';
  return <ErrorMessage error={new Error(text)} />;
}
