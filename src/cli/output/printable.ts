/**
 * Removes what could make a terminal do something: C0 and C1 control characters but tab and newline, and the Unicode
 * characters that reverse the direction of text. For every text that came from a manifest, an image or a registry.
 */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '');
}
