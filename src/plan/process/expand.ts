/**
 * Replaces `$(NAME)` by the variable's value. `$$` becomes `$` and shields what follows; a reference to a name that
 * `lookup` does not know, an unclosed `$(` and any other `$` stay as written. Values are not expanded again.
 * @see k8s.io/api core/v1 Container.command and EnvVar.value
 */
export function expandReferences(text: string, lookup: (name: string) => string | undefined): string {
  let dollar = text.indexOf('$');
  if (dollar < 0) return text;
  let expanded = '';
  let copied = 0;
  while (dollar >= 0) {
    const next = text[dollar + 1];
    let end = dollar + 1;
    if (next === '$') {
      expanded += text.slice(copied, end);
      copied = end = dollar + 2;
    } else if (next === '(') {
      const close = text.indexOf(')', dollar + 2);
      // Nothing after this can be closed either; only `$$` is left to replace, once and not per `$(`, to stay linear.
      if (close < 0) return expanded + text.slice(copied).replaceAll('$$', '$');
      expanded += text.slice(copied, dollar);
      expanded += lookup(text.slice(dollar + 2, close)) ?? text.slice(dollar, close + 1);
      copied = end = close + 1;
    }
    dollar = text.indexOf('$', end);
  }
  return expanded + text.slice(copied);
}
