"""YANG modules made for tests of the schema: a house, its submodule, what augments it and what deviates from it."""

HOUSE = """module house {
  yang-version 1.1;
  namespace "urn:house";
  prefix h;
  import ietf-netconf-acm { prefix nacm; }
  include house-roof;
  organization "test"; contact "test"; description "test";
  revision 2026-01-02 { description "Second."; }
  revision 2026-01-01 { description "First."; }
  feature garden;
  feature pool;
  identity room-kind;
  identity kitchen { base room-kind; }
  typedef metres { type uint16 { range "1..100"; } units "metres"; default "0x0a"; }
  grouping window { leaf width { type metres; } leaf-list colour { type string; default "red"; default "blue"; } }
  container house {
    list room {
      key "floor name";
      unique "number";
      min-elements 1;
      max-elements 9;
      ordered-by user;
      leaf number { type uint8; }
      leaf name { type string; }
      leaf floor { type int8; }
      leaf kind { type identityref { base room-kind; } default "kitchen"; }
      uses window { refine width { default "7"; } }
      action clean { input { leaf soap { type boolean; } } output { leaf result { type string; mandatory true; } } }
      notification burnt { leaf at { type uint32; } }
    }
    leaf height { type metres; }
    leaf depth { type metres; mandatory true; }
    leaf best-room { type leafref { path "../room/name"; } }
    leaf neighbour { type union { type leafref { path "/h:house/h:depth"; } type string; } }
    container lock { presence "locked"; nacm:default-deny-all; leaf code { nacm:default-deny-write; type string; } }
    container garden { if-feature "garden"; leaf trees { type uint8; } }
    container pool { if-feature "pool and not garden"; leaf depth { type uint8; } }
    choice heating {
      default gas;
      leaf gas { type empty; }
      case oil { leaf tank { type uint8; } choice supply { leaf truck { type empty; } leaf pipe { type empty; } } }
    }
    container climate { config false; leaf temperature { type decimal64 { fraction-digits 1; } } anydata history; }
  }
  rpc knock { input { leaf times { type uint8; default 2; } } }
  notification rang { leaf at { type uint32; } }
}
"""
ROOF = """submodule house-roof {
  yang-version 1.1;
  belongs-to house { prefix h; }
  organization "test"; contact "test"; description "test";
  revision 2025-12-31 { description "First."; }
  feature chimney;
  identity material;
  identity straw { base material; }
  container roof { leaf flat { type boolean; } leaf made-of { type identityref { base material; } } }
}
"""
EXTENSION = """module extension {
  yang-version 1.1;
  namespace "urn:extension";
  prefix x;
  import house { prefix h; }
  identity sauna { base h:room-kind; }
  augment "/h:house/h:room" { leaf floor { type string; } container rack { leaf bottles { type uint8; } } }
  augment "/h:house/h:heating" { leaf wood { type empty; } }
  augment "/h:knock/h:input" { leaf loud { type empty; } }
}
"""
DEVIATION = """module deviation {
  yang-version 1.1;
  namespace "urn:deviation";
  prefix d;
  import house { prefix h; }
  deviation "/h:house/h:height" { deviate not-supported; }
  deviation "/h:house/h:room/h:number" { deviate replace { type uint16; } deviate add { default 5; } }
}
"""
