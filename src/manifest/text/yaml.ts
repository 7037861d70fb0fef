import { createRequire } from 'node:module';
import type * as Yaml from 'yaml';
import { type Document, type SyntaxProblem, tooDeep, YamlDocument, YamlError } from './yaml-document.js';

/** Reads every document of a YAML stream (JSON is one), empty ones left out. */
export function readYaml(text: string): {
  readonly documents: readonly Document[];
  readonly problems: readonly SyntaxProblem[];
} {
  // Loaded here and not on top: it costs 25 ms, which JSON, plain YAML and objects need not pay.
  const yaml: typeof Yaml = createRequire(import.meta.url)('yaml');
  const documents: Document[] = [];
  const problems: SyntaxProblem[] = [];
  try {
    // With the failsafe schema each scalar stays as it was written, and go-yaml's rules are applied to it afterwards.
    const options = { schema: 'failsafe', uniqueKeys: false, prettyErrors: false, resolveKnownTags: false } as const;
    for (const document of yaml.parseAllDocuments(text, options) as Yaml.Document.Parsed[]) {
      const reader = new YamlDocument(yaml, text, document);
      problems.push(...reader.syntaxProblems());
      if (problems.length === 0 && !reader.empty) documents.push(reader.read());
    }
  } catch (error) {
    if (error instanceof YamlError) problems.push({ span: error.span, message: error.message });
    else if (error instanceof RangeError) problems.push({ span: { start: 0, end: 0 }, message: tooDeep });
    else throw error;
  }
  return { documents, problems: firstOfEachLine(text, problems) };
}

/** One mistake makes the parser stumble several times; what it says first of a line is the one to read. */
function firstOfEachLine(text: string, problems: readonly SyntaxProblem[]): readonly SyntaxProblem[] {
  const lines = new Set<number>();
  return problems.filter(({ span }) => {
    const line = text.lastIndexOf('\n', span.start - 1);
    return lines.has(line) ? false : lines.add(line);
  });
}
