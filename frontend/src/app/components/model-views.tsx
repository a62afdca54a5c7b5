import { Activity, useState } from 'react';

import { ModelFacts } from '@/features/models/components/model-facts';
import type { Selection } from '@/features/models/lib/choose';

import { useView } from '../hooks/use-view';
import { TrafficView } from './traffic-view';
import { VersionsView } from './versions-view';
import { Views } from './views';
import { Workspace } from './workspace';

/** Everything about the chosen model: to try, to decide about, to watch. */
export function ModelViews({ selection }: { selection: Selection }) {
  const view = useView();
  const [token, setToken] = useState('');
  return (
    <>
      <Views view={view} />
      {/* What lies on the pad is there again when one comes back to it. */}
      <Activity mode={view === 'try' ? 'visible' : 'hidden'}>
        <Workspace selection={selection} />
        <ModelFacts selection={selection} />
      </Activity>
      {view === 'versions' && <VersionsView model={selection.model} token={token} onToken={setToken} />}
      {view === 'traffic' && <TrafficView selection={selection} />}
    </>
  );
}
