// Relations as resolvers with dataloader, for servers that don't batch by themselves.
import DataLoader from "dataloader";
import { relations, resolvers } from "./graph.mjs";

/** The resolvers of everything; their context has `loaders`, an empty map of each request's own. */
export function loaded() {
  const all = { ...resolvers };
  for (const [type, fields] of Object.entries(relations)) {
    all[type] = { ...all[type] };
    for (const [field, batch] of Object.entries(fields)) all[type][field] = loading(`${type}.${field}`, batch);
  }
  return all;
}

const loading = (name, batch) => (parent, given, { loaders }) => {
  const key = Object.keys(given).length ? name + JSON.stringify(given) : name;
  let loader = loaders.get(key);
  if (!loader) {
    // Whoever is asked for twice is found once by the batch itself.
    loader = new DataLoader((parents) => batch(parents, given), { cache: false });
    loaders.set(key, loader);
  }
  return loader.load(parent);
};
