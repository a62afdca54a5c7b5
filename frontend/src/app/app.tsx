import { ModelPicker } from '@/features/models/components/model-picker';
import { NoModel } from '@/features/models/components/no-model';
import { useModelChoice } from '@/features/models/hooks/use-model-choice';
import controls from '@/shared/components/controls.module.css';
import { ErrorMessage } from '@/shared/components/error-message';
import { ThemeToggle } from '@/shared/components/theme-toggle';

import styles from './app.module.css';
import { ModelViews } from './components/model-views';
import icon from './icon.svg';

export function App() {
  const { models, selection, setChoice, error, isPending, refetch } = useModelChoice();
  return (
    <div className={styles.page}>
      <header className={styles.header}>
        <h1 className={styles.title}>
          <img src={icon} alt="" width={36} height={36} />
          Flask Serving
        </h1>
        {models && selection && (
          <div className={styles.picker}>
            <ModelPicker models={models} selection={selection} onChoose={setChoice} />
          </div>
        )}
        <div className={styles.tools}>
          <a href="docs" className={`${controls.button} ${styles.link}`}>
            API
          </a>
          <ThemeToggle />
        </div>
      </header>
      <main className={styles.main}>
        {error && <ErrorMessage error={error} onRetry={() => void refetch()} />}
        {isPending && <p className={styles.waiting}>Asking which models are served…</p>}
        {models && !selection && <NoModel models={models} />}
        {selection && <ModelViews selection={selection} />}
      </main>
    </div>
  );
}
