import styles from './views.module.css';

/** What the page shows of the chosen model. */
export type View = 'try' | 'versions' | 'traffic';

const NAMES: Record<View, string> = { try: 'Try', versions: 'Versions', traffic: 'Traffic' };

interface Props {
  view: View;
  onView: (view: View) => void;
}

export function Views({ view, onView }: Props) {
  return (
    <nav aria-label="Views" className={styles.views}>
      {(Object.keys(NAMES) as View[]).map((each) => (
        <button
          key={each}
          type="button"
          className={styles.view}
          aria-current={each === view ? 'page' : undefined}
          onClick={() => onView(each)}
        >
          {NAMES[each]}
        </button>
      ))}
    </nav>
  );
}
