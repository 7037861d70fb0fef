#include "addon/network/rules.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <netinet/ip.h>

#include <cstddef>

namespace podrun::network {
namespace {

// One transaction of nfnetlink; nft --debug=netlink shows the same for the rule written out in rules.h.

constexpr const char* kTable = "podrun";
constexpr const char* kChain = "postrouting";
constexpr int32_t kPrioritySrcnat = 100;  // NF_IP_PRI_NAT_SRC

/** Everything in nf_tables attributes is big endian. */
void be32(NetlinkBatch& batch, uint16_t type, uint32_t value) {
  batch.number(type, htonl(value));
}

constexpr uint16_t message(uint16_t type) {
  return static_cast<uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | type);
}

nfgenmsg family(uint8_t family, uint16_t resource = 0) {
  return {family, NFNETLINK_V0, htons(resource)};
}

void value(NetlinkBatch& batch, uint16_t type, const void* data, size_t size) {
  batch.nested(type, [&] { batch.bytes(NFTA_DATA_VALUE, data, size); });
}

template <typename Fill>
void expression(NetlinkBatch& batch, const char* name, Fill fill) {
  batch.nested(NFTA_LIST_ELEM, [&] { batch.string(NFTA_EXPR_NAME, name).nested(NFTA_EXPR_DATA, fill); });
}

void compare(NetlinkBatch& batch, nft_cmp_ops operation, const void* data, size_t size) {
  expression(batch, "cmp", [&] {
    be32(batch, NFTA_CMP_SREG, NFT_REG_1);
    be32(batch, NFTA_CMP_OP, operation);
    value(batch, NFTA_CMP_DATA, data, size);
  });
}

/** ip saddr <subnet> */
void matchSource(NetlinkBatch& batch, in_addr subnet, uint8_t prefixLength) {
  const uint32_t mask = prefixLength == 0 ? 0 : htonl(UINT32_MAX << (32 - prefixLength));
  const uint32_t none = 0;
  const uint32_t network = subnet.s_addr & mask;
  expression(batch, "payload", [&] {
    be32(batch, NFTA_PAYLOAD_DREG, NFT_REG_1);
    be32(batch, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
    be32(batch, NFTA_PAYLOAD_OFFSET, offsetof(iphdr, saddr));
    be32(batch, NFTA_PAYLOAD_LEN, sizeof(in_addr));
  });
  expression(batch, "bitwise", [&] {
    be32(batch, NFTA_BITWISE_SREG, NFT_REG_1);
    be32(batch, NFTA_BITWISE_DREG, NFT_REG_1);
    be32(batch, NFTA_BITWISE_LEN, sizeof(in_addr));
    value(batch, NFTA_BITWISE_MASK, &mask, sizeof mask);
    value(batch, NFTA_BITWISE_XOR, &none, sizeof none);
  });
  compare(batch, NFT_CMP_EQ, &network, sizeof network);
}

/** oifname != "<interface>" */
void matchLeaving(NetlinkBatch& batch, const std::string& interface) {
  char name[IFNAMSIZ] = {};
  interface.copy(name, IFNAMSIZ - 1);
  expression(batch, "meta", [&] {
    be32(batch, NFTA_META_DREG, NFT_REG_1);
    be32(batch, NFTA_META_KEY, NFT_META_OIFNAME);
  });
  compare(batch, NFT_CMP_NEQ, name, sizeof name);
}

void addTable(NetlinkBatch& batch) {
  batch
      .request(message(NFT_MSG_NEWTABLE), NLM_F_CREATE | NLM_F_EXCL, family(NFPROTO_IPV4),
               "make nftables table", kTable)
      .string(NFTA_TABLE_NAME, kTable);
  be32(batch, NFTA_TABLE_FLAGS, NFT_TABLE_F_OWNER);
}

void addChain(NetlinkBatch& batch) {
  batch.request(message(NFT_MSG_NEWCHAIN), NLM_F_CREATE, family(NFPROTO_IPV4), "make nftables chain", kChain)
      .string(NFTA_CHAIN_TABLE, kTable)
      .string(NFTA_CHAIN_NAME, kChain)
      .nested(NFTA_CHAIN_HOOK,
              [&] {
                be32(batch, NFTA_HOOK_HOOKNUM, NF_INET_POST_ROUTING);
                be32(batch, NFTA_HOOK_PRIORITY, kPrioritySrcnat);
              })
      .string(NFTA_CHAIN_TYPE, "nat");
}

void addRule(NetlinkBatch& batch, in_addr subnet, uint8_t prefixLength, const std::string& interface) {
  batch
      .request(message(NFT_MSG_NEWRULE), NLM_F_CREATE | NLM_F_APPEND, family(NFPROTO_IPV4),
               "make nftables rule", kChain)
      .acknowledge()
      .string(NFTA_RULE_TABLE, kTable)
      .string(NFTA_RULE_CHAIN, kChain)
      .nested(NFTA_RULE_EXPRESSIONS, [&] {
        matchSource(batch, subnet, prefixLength);
        matchLeaving(batch, interface);
        expression(batch, "masq", [] {});
      });
}

}  // namespace

void addMasquerade(NetlinkSocket& socket, in_addr subnet, uint8_t prefixLength,
                   const std::string& interface) {
  NetlinkBatch batch;
  const nfgenmsg transaction = family(AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
  batch.request(NFNL_MSG_BATCH_BEGIN, 0, transaction, "begin nftables transaction");
  addTable(batch);
  addChain(batch);
  addRule(batch, subnet, prefixLength, interface);
  batch.request(NFNL_MSG_BATCH_END, 0, transaction, "commit nftables transaction");
  socket.transact(batch);
}

}  // namespace podrun::network
