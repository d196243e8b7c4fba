//! Contents of a tileset as city objects.
