/** How long files, functions and lines may be. Generated code is as long as it needs to be. */

import type { Problems, Tree } from "./tree.ts";

const FILE_LINES = 400;
const FUNCTION_LINES = 70;
const LINE_COLUMNS = 100;

const WRITTEN = /^(?!src\/(dashboard\/)?gen\/).*\.tsx?$/;

/** Files with too many lines. */
export function fileLengths(tree: Tree): Problems {
  return tree.paths(WRITTEN).flatMap((path) => {
    const lines = tree.text(path).trimEnd().split("\n").length;
    return lines > FILE_LINES ? [`${path} has ${lines} lines, more than ${FILE_LINES}`] : [];
  });
}

/** Functions with too many lines. Those that declare tests are lists, and may be long. */
export function functionLengths(tree: Tree): Problems {
  return tree.sources(WRITTEN).flatMap(({ path, functions }) =>
    functions
      .filter(({ lines, isSuite }) => lines > FUNCTION_LINES && !isSuite)
      .map(({ line, what, lines }) =>
        `${path}:${line} ${what} has ${lines} lines, more than ${FUNCTION_LINES}`
      )
  );
}

/** Lines with too many columns. Text of several lines, as of another language, may have them. */
export function lineLengths(tree: Tree): Problems {
  return tree.paths(WRITTEN).flatMap((path) => {
    const isText = new Set(tree.source(path).textLines);
    return tree.text(path).split("\n").flatMap((text, index) => {
      const columns = [...text].length;
      if (columns <= LINE_COLUMNS || isText.has(index + 1)) return [];
      return [`${path}:${index + 1} has ${columns} columns, more than ${LINE_COLUMNS}`];
    });
  });
}
