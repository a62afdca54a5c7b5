import { useEffect, useEffectEvent, useState } from 'react';

/** Takes files dropped or pasted anywhere on the page; tells whether some are being dragged over it. */
export function useDropAndPaste(onFiles: (files: File[]) => void): boolean {
  const [isOver, setIsOver] = useState(false);
  const take = useEffectEvent(onFiles);

  useEffect(() => {
    function onDragOver(event: DragEvent) {
      if (event.dataTransfer?.types.includes('Files')) {
        // Without this the browser would leave the page and open the file.
        event.preventDefault();
        setIsOver(true);
      }
    }
    function onDragLeave(event: DragEvent) {
      // No element entered: the pointer left the window.
      if (!event.relatedTarget) {
        setIsOver(false);
      }
    }
    function onDrop(event: DragEvent) {
      setIsOver(false);
      const files = [...(event.dataTransfer?.files ?? [])];
      if (files.length > 0) {
        event.preventDefault();
        take(files);
      }
    }
    function onPaste(event: ClipboardEvent) {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length > 0) {
        take(files);
      }
    }
    const listening = new AbortController();
    const { signal } = listening;
    window.addEventListener('dragover', onDragOver, { signal });
    window.addEventListener('dragleave', onDragLeave, { signal });
    window.addEventListener('drop', onDrop, { signal });
    window.addEventListener('paste', onPaste, { signal });
    return () => {
      listening.abort();
    };
  }, []);

  return isOver;
}
