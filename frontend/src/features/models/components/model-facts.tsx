import type { Selection } from '../lib/choose';
import { factsOf } from '../lib/facts';
import { isAvailable } from '../lib/choose';
import styles from './model-facts.module.css';

/** Where the chosen version comes from, and which others could not be loaded and why. */
export function ModelFacts({ selection: { model, version } }: { selection: Selection }) {
  const missing = model.versions.filter((each) => !isAvailable(each) && each.reason !== '');
  return (
    <details className={styles.details}>
      <summary>
        About {model.name}, version {version.version}
      </summary>
      {version.description && <p>{version.description}</p>}
      <dl className={styles.facts}>
        {factsOf(version).map(([name, value], index) => (
          <div key={index}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {missing.map((each) => (
        <p key={each.version}>
          Version {each.version} is not served: {each.reason}
        </p>
      ))}
    </details>
  );
}
