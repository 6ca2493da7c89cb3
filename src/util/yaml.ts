/**
 * YAML, for those who need it seldom and import this file when they do. Importing the library itself that way gives,
 * in the bundle, a module whose only export is `default`: it is a CommonJS one.
 */
export { parse, stringify } from 'yaml';
