import { useId, type ChangeEvent } from 'react';

import controls from '@/shared/components/controls.module.css';

import styles from './picture-button.module.css';

export function PictureButton({ onFiles }: { onFiles: (files: File[]) => void }) {
  const id = useId();

  function onChange({ currentTarget }: ChangeEvent<HTMLInputElement>) {
    const files = [...(currentTarget.files ?? [])];
    // Emptied, so that choosing the same file again is a change too.
    currentTarget.value = '';
    if (files.length > 0) {
      onFiles(files);
    }
  }

  return (
    <span className={styles.wrapper}>
      <input id={id} className={controls.hidden} type="file" accept="image/*" onChange={onChange} />
      <label htmlFor={id} className={controls.button}>
        Choose a picture
      </label>
    </span>
  );
}
