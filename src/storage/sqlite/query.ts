/** From filters to SQL. SQLite decides every filter: no event is decoded to be passed over. */

import type { Span } from "../engine.ts";
import type { CompiledFilter } from "../filter.ts";
import type { SqlValue } from "./database.ts";

/** A part of a statement with its values. */
export interface SqlQuery {
  readonly sql: string;
  readonly values: SqlValue[];
}

/** What a reader needs of a row. */
const COLUMNS = "e.sequence AS sequence, e.event_id AS eventId, e.subject AS subject, " +
  "e.payload AS payload, e.traceparent AS traceparent";

/** Selects the rows of a span, at most `limit`. A bound costs time also where it bounds nothing. */
export function pageQuery(
  filter: CompiledFilter,
  span: Span,
  order: "oldest" | "newest",
  limit: number,
): SqlQuery {
  const source = from(filter);
  const { sql: conditions, values } = where(filter, source.sequence, hasIndex(filter) ? "" : "+");
  if (span.after > 0) {
    conditions.push(`${source.sequence} > ?`);
    values.push(span.after);
  }
  if (span.through < Infinity) {
    conditions.push(`${source.sequence} <= ?`);
    values.push(span.through);
  }
  const sql = `SELECT ${COLUMNS} FROM ${source.sql}` +
    (conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`) +
    ` ORDER BY ${source.sequence} ${order === "oldest" ? "ASC" : "DESC"} LIMIT ?`;
  return { sql, values: [...values, limit] };
}

/** Counts the rows after a position. */
export function countQuery(filter: CompiledFilter, after: number): SqlQuery {
  const source = from(filter);
  const { sql, values } = where(filter, source.sequence, "");
  // Without this term where it is not needed: SQLite would take it for the best index.
  if (after > 0) {
    sql.push(`${source.sequence} > ?`);
    values.push(after);
  }
  const conditions = sql.length === 0 ? "" : ` WHERE ${sql.join(" AND ")}`;
  return { sql: `SELECT count(*) AS count FROM ${source.sql}${conditions}`, values };
}

/** Selects the first and the last position of a time range. */
export function timeSpanQuery(filter: CompiledFilter): SqlQuery {
  const { sql, values } = timeConditions(filter, "");
  return {
    sql: "SELECT min(sequence) AS first, max(sequence) AS last FROM events AS e WHERE " +
      sql.join(" AND "),
    values,
  };
}

/** Whether one of the filter's equal-to terms has an index that gives its events in order. */
export function hasIndex(filter: CompiledFilter): boolean {
  return filter.jobId !== undefined || filter.workerId !== undefined ||
    filter.queueName !== undefined || filter.tags.length > 0 || filter.types?.length === 1;
}

interface Conditions {
  readonly sql: string[];
  readonly values: SqlValue[];
}

function from(filter: CompiledFilter): { readonly sql: string; readonly sequence: string } {
  const isByTag = filter.tags.length > 0 && filter.jobId === undefined;
  // CROSS JOIN keeps the order of the tables: the tag's index leads, in the order of positions.
  return isByTag
    ? {
      sql: "event_tags AS t CROSS JOIN events AS e ON e.sequence = t.sequence",
      sequence: "t.sequence",
    }
    : { sql: "events AS e", sequence: "e.sequence" };
}

/** @param time "+" keeps SQLite from using the index of timestamps, which has another order. */
function where(filter: CompiledFilter, sequence: string, time: "" | "+"): Conditions {
  const { sql, values } = timeConditions(filter, time);
  const add = (condition: string, ...added: SqlValue[]): void => {
    sql.push(condition);
    values.push(...added);
  };
  const { jobId, workerId, queueName, types, tags } = filter;
  if (jobId !== undefined) add("e.job_id = ?", jobId);
  if (workerId !== undefined) add("e.worker_id = ?", workerId);
  if (queueName !== undefined) add("e.queue_name = ?", queueName);
  if (types?.length === 1) add("e.event_type = ?", types[0]!);
  else if (types !== undefined) {
    add(`e.event_type IN (${types.map(() => "?").join(", ")})`, ...types);
  }
  const isByTag = sequence === "t.sequence";
  tags.forEach(([name, value], index) => {
    if (isByTag && index === 0) add("t.name = ? AND t.value = ?", name, value);
    else {
      add(
        "EXISTS (SELECT 1 FROM event_tags AS x WHERE x.name = ? AND x.value = ? " +
          "AND x.sequence = e.sequence)",
        name,
        value,
      );
    }
  });
  return { sql, values };
}

function timeConditions({ since, until }: CompiledFilter, plus: "" | "+"): Conditions {
  const sql: string[] = [];
  const values: SqlValue[] = [];
  if (since !== undefined) {
    sql.push(`${plus}e.timestamp >= ?`);
    values.push(since);
  }
  if (until !== undefined) {
    sql.push(`${plus}e.timestamp <= ?`);
    values.push(until);
  }
  return { sql, values };
}
