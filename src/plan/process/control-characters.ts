/** True for text that an image must not put where lines or terminals are: C0, including line breaks and NUL, and DEL. */
export function hasControlCharacter(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
  return /[\u0000-\u001f\u007f]/.test(text);
}
