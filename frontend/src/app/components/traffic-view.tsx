import type { Selection } from '@/features/models/lib/choose';
import { LiveAccuracy } from '@/features/traffic/components/live-accuracy';
import { LiveComparison } from '@/features/traffic/components/live-comparison';
import { LiveDrift } from '@/features/traffic/components/live-drift';
import { LiveStats } from '@/features/traffic/components/live-stats';
import { Card } from '@/shared/components/card';

/** What becomes of the traffic of the chosen model, as it comes. */
export function TrafficView({ selection: { model, version } }: { selection: Selection }) {
  return (
    <>
      <Card>
        <LiveStats model={model.name} />
      </Card>
      <Card>
        <LiveComparison model={model.name} />
      </Card>
      <Card>
        <LiveDrift model={model.name} version={version.version} />
      </Card>
      <Card>
        <LiveAccuracy model={model.name} />
      </Card>
    </>
  );
}
