/** Asks before something is done that cannot be undone. */

import type { ComponentChildren, VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

/** A button that asks first. */
export function ConfirmButton(props: {
  readonly label: string;
  readonly title: string;
  readonly children: ComponentChildren;
  readonly isDangerous?: boolean;
  readonly disabled?: boolean;
  /** Does it and says what was done. */
  readonly onConfirm: () => Promise<string>;
}): VNode {
  const { label, title, children, isDangerous = false, disabled = false, onConfirm } = props;
  const [isOpen, setOpen] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [result, setResult] = useState<{ text: string; isError: boolean }>();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isOpen]);
  const confirm = async () => {
    setBusy(true);
    try {
      setResult({ text: await onConfirm(), isError: false });
    } catch (error) {
      setResult({ text: (error as Error).message, isError: true });
    }
    setBusy(false);
  };
  const open = () => {
    setResult(undefined);
    setOpen(true);
  };
  return (
    <>
      <button type="button" class={isDangerous ? "danger" : ""} disabled={disabled} onClick={open}>
        {label}
      </button>
      <dialog ref={dialog} onClose={() => setOpen(false)} aria-label={title}>
        <h2>{title}</h2>
        {result === undefined
          ? <div>{children}</div>
          : <p class={result.isError ? "error-text" : ""} role="status">{result.text}</p>}
        <div class="dialog-buttons">
          <button type="button" onClick={() => setOpen(false)}>
            {result === undefined ? "Keep" : "Close"}
          </button>
          {(result === undefined || result.isError) && (
            <button
              type="button"
              class={isDangerous ? "danger solid" : "solid"}
              disabled={isBusy}
              onClick={confirm}
            >
              {label}
            </button>
          )}
        </div>
      </dialog>
    </>
  );
}
