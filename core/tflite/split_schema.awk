# Splits flatc's header (29,000 lines) in two, since every unit of core reads it and three of them need all of it:
# `types` gets the enums and the object API's structs, `tables` the rest, on top of `types`.
#
# Usage: awk -v types=schema_types.h -v tables=schema_generated.h -f split_schema.awk FLATC_HEADER
# A declaration begins at the first column, and ends at a line of `}` or of `;` at its end, there too.

function put(line, into_types) { print line > (into_types ? types : tables) }

# True for what the object API needs: forward declarations, enums with their names, traits of unions, and the structs
# with their copies and destructors.
function is_type(line) {
  return line ~ /^struct [A-Za-z0-9_]+;$/ || line ~ /^enum / || line ~ /^inline const [A-Za-z0-9_]+ \(&EnumValues/ ||
         line ~ /^inline const char (\* const )?\*EnumName/ || line ~ /^template<(typename T)?> struct / ||
         line ~ /^struct [A-Za-z0-9_]+Union \{$/ || line ~ /^struct [A-Za-z0-9_]+T : public ::flatbuffers::NativeTable/ ||
         line ~ /^inline [A-Za-z0-9_]+(T|Union)::[A-Za-z0-9_]+\(/ || line ~ /^inline [A-Za-z0-9_]+T &[A-Za-z0-9_]+T::operator=/ ||
         line ~ /^inline void [A-Za-z0-9_]+Union::Reset\(\)/
}

BEGIN {
  put("#pragma once", 1)
  put("#pragma once\n\n#include \"core/tflite/schema_types.h\"\n\nnamespace octavo {\nnamespace schema {\n", 0)
}

# Before the first declaration: the library's header and the check of its version.
/^namespace schema \{$/ { inside = 1; put($0 "\n", 1); next }
/^}  \/\/ namespace schema$/ { exit }
!inside { if ($0 !~ /^(#ifndef|#define) /) put($0, 1); next }

/^$/ { next }
!open { to_types = is_type($0); open = 1 }
{ put($0, to_types) }
/^}|^[^ ].*;$|^[^ ].*\}$/ { open = 0; put("", to_types) }

END {
  put("}  // namespace schema\n}  // namespace octavo", 1)
  put("}  // namespace schema\n}  // namespace octavo", 0)
}
