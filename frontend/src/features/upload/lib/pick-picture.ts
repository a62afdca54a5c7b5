/** The first picture among files that were chosen, dropped or pasted; throws what to say if there is none. */
export function pickPicture(files: readonly File[]): File {
  const picture = files.find(mayBePicture);
  if (!picture) {
    throw new Error(`${files[0]?.name ?? 'That'} is not a picture. Choose a PNG, JPEG or WebP file, say.`);
  }
  return picture;
}

/** A file whose type the system does not know may still be one: the server looks inside. */
function mayBePicture(file: File): boolean {
  return file.type === '' || file.type.startsWith('image/');
}
