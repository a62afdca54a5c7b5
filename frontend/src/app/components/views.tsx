import { VIEWS, type View } from '../hooks/use-view';
import styles from './views.module.css';

export function Views({ view }: { view: View }) {
  return (
    <nav aria-label="Views" className={styles.views}>
      {(Object.keys(VIEWS) as View[]).map((each) => (
        <a
          key={each}
          href={`#${each}`}
          className={styles.view}
          aria-current={each === view ? 'page' : undefined}
        >
          {VIEWS[each]}
        </a>
      ))}
    </nav>
  );
}
