export interface Class {
  /** Its place among the scores. */
  index: number;
  label: string;
  /** Undefined before there is an answer. */
  score: number | undefined;
  isBest: boolean;
}

/** Up to this many classes keep their own order, so that each bar stays in its place from answer to answer. */
const FEW = 20;

/** Every class with its score: a few in their own order, many with the best first. */
export function classesOf(labels: readonly string[], scores: readonly number[] | undefined): Class[] {
  const best = scores ? scores.indexOf(Math.max(...scores)) : -1;
  const count = scores?.length ?? labels.length;
  const classes = Array.from({ length: count }, (_, index) => ({
    index,
    label: labels[index] ?? String(index),
    score: scores?.[index],
    isBest: index === best,
  }));
  return count <= FEW ? classes : classes.sort((a, b) => (b.score ?? 0) - (a.score ?? 0));
}
