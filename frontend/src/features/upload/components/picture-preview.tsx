import { usePreview } from '../hooks/use-preview';
import styles from './picture-preview.module.css';

export function PicturePreview({ picture }: { picture: File }) {
  const canvas = usePreview(picture);
  return (
    <figure className={styles.preview}>
      <canvas ref={canvas} width={1} height={1} className={styles.picture} aria-hidden />
      <figcaption className={styles.name}>{picture.name}</figcaption>
    </figure>
  );
}
