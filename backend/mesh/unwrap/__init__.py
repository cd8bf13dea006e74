"""UV unwrapping: charts, their flattening, and packing into one atlas."""
