import * as decisions from '../lib/decisions';
import type { Admin } from '../hooks/use-decision';
import styles from './admin.module.css';
import { DecisionForm } from './decision-form';
import { TextField, VersionField } from './version-field';

interface Props {
  admin: Admin;
  /** Those that can answer. */
  versions: readonly number[];
  labels: readonly string[];
}

/** Everything that can be decided about the traffic of a model. */
export function DecisionForms({ admin, versions, labels }: Props) {
  const textOf = (form: FormData, name: string) => (form.get(name) as string).trim();
  const numberOf = (form: FormData, name: string) => Number(textOf(form, name));
  return (
    <div className={styles.forms}>
      <DecisionForm
        admin={admin}
        title="Default"
        action="Promote"
        decisionOf={(form) => decisions.promote(numberOf(form, 'version'))}
        others={[
          { name: 'Roll back', decision: decisions.rollBack() },
          { name: 'Follow the newest', decision: decisions.promote('newest') },
        ]}
      >
        <VersionField versions={versions} />
      </DecisionForm>
      <DecisionForm
        admin={admin}
        title="Labels"
        action="Set the label"
        decisionOf={(form) => decisions.setLabel(textOf(form, 'label'), numberOf(form, 'version'))}
        others={labels.map((label) => ({ name: `Remove ${label}`, decision: decisions.removeLabel(label) }))}
      >
        <div className={styles.row}>
          <TextField label="Label" name="label" value="canary" />
          <VersionField versions={versions} />
        </div>
      </DecisionForm>
      <DecisionForm
        admin={admin}
        title="Split"
        action="Split the traffic"
        decisionOf={(form) =>
          decisions.split(
            new Map(versions.map((version) => [String(version), numberOf(form, `share-${version}`)])),
          )
        }
        others={[{ name: 'End the split', decision: decisions.endSplit() }]}
      >
        <div className={styles.row}>
          {versions.map((version) => (
            <TextField
              key={version}
              label={`Percent of ${version}`}
              name={`share-${version}`}
              value={0}
              isNumber
            />
          ))}
        </div>
      </DecisionForm>
      <DecisionForm
        admin={admin}
        title="Shadow"
        action="Shadow the traffic"
        decisionOf={(form) => decisions.shadow(textOf(form, 'version'), numberOf(form, 'percent'))}
        others={[{ name: 'End the shadow', decision: decisions.endShadow() }]}
      >
        <div className={styles.row}>
          <VersionField versions={versions} />
          <TextField label="Percent" name="percent" value={10} isNumber />
        </div>
      </DecisionForm>
    </div>
  );
}
