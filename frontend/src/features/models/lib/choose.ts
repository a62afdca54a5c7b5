import type { Model, ModelVersion } from '@/shared/api/schema';

/** What a person picked; undefined: not yet. */
export interface Choice {
  model?: string;
  version?: number;
}

export interface Selection {
  model: Model;
  version: ModelVersion;
}

export function isAvailable(version: ModelVersion): boolean {
  return version.state === 'AVAILABLE';
}

/** What was picked where it can answer; else the default version, else the newest one that can. */
export function choose(models: readonly Model[], choice: Choice): Selection | undefined {
  const servable = models.filter((model) => model.versions.some(isAvailable));
  const model = servable.find(({ name }) => name === choice.model) ?? servable[0];
  const versions = model?.versions.filter(isAvailable) ?? [];
  const version =
    versions.find((each) => model?.name === choice.model && each.version === choice.version) ??
    versions.find((each) => each.version === model?.default) ??
    versions[0];
  return model && version && { model, version };
}
