import type { Selection } from '@/features/models/lib/choose';

import { askedOf } from '../lib/asked';
import { ImageWorkspace } from './image-workspace';
import { NumbersWorkspace } from './numbers-workspace';
import { RecordWorkspace } from './record-workspace';

/** The input that the chosen model takes, and its answer. */
export function Workspace({ selection }: { selection: Selection }) {
  const asked = askedOf(selection);
  const { inputs, target } = asked;
  const [first] = inputs;
  if (inputs.length === 1 && first?.takes_image) {
    return <ImageWorkspace asked={asked} />;
  }
  if (inputs.length === 1 && first?.kind === 'tensor') {
    const expected = first.shape.reduce((product, edge) => product * edge, 1);
    return <NumbersWorkspace key={target.model} asked={asked} expected={expected} />;
  }
  return <RecordWorkspace key={target.model} asked={asked} />;
}
