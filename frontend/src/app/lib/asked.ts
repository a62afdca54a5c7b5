import type { Target } from '@/features/answer/lib/question';
import type { Grid } from '@/features/explain/lib/heat';
import type { ModelInput } from '@/shared/api/schema';
import { isAvailable, type Selection } from '@/features/models/lib/choose';

/** Who is asked, and what is known about that version's inputs. */
export interface Asked {
  target: Target;
  /** The other versions that can answer. */
  others: Target[];
  inputs: readonly ModelInput[];
  /** How its input is seen as a picture, if it can be. */
  grid: Grid | undefined;
}

export function askedOf({ model, version }: Selection): Asked {
  const targets = model.versions
    .filter(isAvailable)
    .map(({ version: number, labels }): Target => ({ model: model.name, version: number, labels }));
  const { inputs, labels } = version;
  return {
    target: { model: model.name, version: version.version, labels },
    others: targets.filter((each) => each.version !== version.version),
    inputs,
    grid: inputs.length === 1 ? gridOf(inputs[0]) : undefined,
  };
}

/** The size that a picture is brought to; or a tensor's of two edges, or of two edges and up to four colours. */
function gridOf(input: ModelInput | undefined): Grid | undefined {
  if (!input || input.image) {
    return input?.image;
  }
  const [height, width, channels = 1, ...rest] = input.shape;
  const isGrid = height !== undefined && width !== undefined && height * width >= 16;
  return isGrid && channels <= 4 && rest.length === 0 ? { height, width, channels } : undefined;
}
