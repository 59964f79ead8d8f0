// One difference between what the records ask for and what the kernel has.

export interface Difference {
  /** The object in the field's words, e.g. `bridge fl-0123456789` or `port 8080/tcp`. */
  readonly object: string;
  readonly problem: string;
}
