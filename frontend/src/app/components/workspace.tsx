import type { Selection } from '@/features/models/lib/choose';

import { ImageWorkspace } from './image-workspace';
import { NumbersWorkspace } from './numbers-workspace';

/** The input that the chosen model takes, and its answer. */
export function Workspace({ selection }: { selection: Selection }) {
  const { labels, inputs, version } = selection.version;
  const target = { model: selection.model.name, version, labels };
  if (inputs.some((input) => input.takes_image)) {
    return <ImageWorkspace target={target} />;
  }
  const expected = inputs.reduce(
    (sum, { shape }) => sum + shape.reduce((product, edge) => product * edge, 1),
    0,
  );
  return <NumbersWorkspace key={target.model} target={target} expected={expected} />;
}
