import { fileURLToPath } from 'node:url';

/** Top of the checkout. */
export const project = fileURLToPath(new URL('../..', import.meta.url));
