import { AdminPanel } from '@/features/admin/components/admin-panel';
import type { Model } from '@/shared/api/schema';
import { VersionsTable } from '@/features/models/components/versions-table';
import { useLiveModels } from '@/features/models/hooks/use-live-models';
import { isAvailable } from '@/features/models/lib/choose';
import { Card } from '@/shared/components/card';

interface Props {
  model: Model;
  token: string;
  onToken: (token: string) => void;
}

/** All versions of a model, and what can be decided about them. */
export function VersionsView({ model, token, onToken }: Props) {
  useLiveModels();
  return (
    <>
      <Card>
        <VersionsTable model={model} />
      </Card>
      <Card>
        <AdminPanel
          model={model.name}
          versions={model.versions.filter(isAvailable).map(({ version }) => version)}
          labels={Object.keys(model.labels)}
          token={token}
          onToken={onToken}
        />
      </Card>
    </>
  );
}
