/** Whom the test registries with a lock let in. */
export const user = 'alice';
export const password = 'secret';
