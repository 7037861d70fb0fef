{
  "variables": {
    # -Wrestrict of gcc 12 warns of string concatenation that is right (gcc bug 105651).
    "warnings": ["-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers", "-Wno-restrict"]
  },
  "targets": [
    {
      "target_name": "podrun",
      "sources": ["<!@(find native/addon native/base -name *.cc)"],
      "dependencies": ["<!(node -p \"require('node-addon-api').targets\"):node_addon_api_except"],
      "include_dirs": ["native"],
      "defines": ["NAPI_VERSION=9", "_GNU_SOURCE", "_FILE_OFFSET_BITS=64"],
      "cflags_cc!": ["-std=gnu++17", "-fno-rtti"],
      "cflags_cc": ["-std=gnu++20", "-fvisibility=hidden", "<@(warnings)"],
      "libraries": ["-lisal", "-l:libzstd.a", "-Wl,--exclude-libs,libzstd.a", "-ldl"]
    },
    {
      "target_name": "podrun-sandbox",
      "type": "executable",
      "sources": ["<!@(find native/sandbox native/init native/base -name *.cc)"],
      "include_dirs": ["native"],
      "defines": ["_GNU_SOURCE", "_FILE_OFFSET_BITS=64"],
      "cflags!": ["-fPIC", "-O3"],
      "cflags_cc!": ["-std=gnu++17", "-fPIC", "-O3"],
      "cflags_cc": ["-std=gnu++20", "-Os", "-fno-exceptions", "-fno-rtti", "-ffunction-sections", "-fdata-sections", "<@(warnings)"],
      "ldflags": ["-static", "-Wl,--gc-sections", "-s"],
      "libraries!": ["-lstdc++"]
    }
  ]
}
