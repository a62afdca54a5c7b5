import controls from '@/shared/components/controls.module.css';

import type { Model, ModelVersion } from '@/shared/api/schema';
import { isAvailable, type Choice, type Selection } from '../lib/choose';
import styles from './model-picker.module.css';

interface Props {
  models: readonly Model[];
  selection: Selection;
  onChoose: (choice: Choice) => void;
}

export function ModelPicker({ models, selection: { model, version }, onChoose }: Props) {
  return (
    <div className={styles.picker}>
      <label className={controls.label}>
        Model
        <select
          className={controls.field}
          value={model.name}
          onChange={(event) => onChoose({ model: event.target.value })}
        >
          {models.map((each) => (
            <option key={each.name} value={each.name} disabled={!each.versions.some(isAvailable)}>
              {each.name}
            </option>
          ))}
        </select>
      </label>
      <label className={controls.label}>
        Version
        <select
          className={controls.field}
          value={version.version}
          onChange={(event) => onChoose({ model: model.name, version: Number(event.target.value) })}
        >
          {model.versions.map((each) => (
            <option key={each.version} value={each.version} disabled={!isAvailable(each)}>
              {describe(each, model)}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

function describe(version: ModelVersion, model: Model): string {
  if (!isAvailable(version)) {
    return `${version.version} (${version.state.toLowerCase()})`;
  }
  return version.version === model.default ? `${version.version} (default)` : String(version.version);
}
