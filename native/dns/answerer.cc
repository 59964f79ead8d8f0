#include "answerer.h"

namespace fairlead::dns {

struct Answerer::State {};

Answerer::Answerer() : state_(std::make_unique<State>()) {}
Answerer::~Answerer() = default;

bool Answerer::apply(Bytes) { return true; }

Answer Answerer::answer(Bytes, const Asker&, bool, std::span<uint8_t>, uint64_t) { return {Outcome::leave}; }

void Answerer::remember(Bytes, uint32_t, Bytes, uint32_t, uint64_t) {}

Counts Answerer::counts() const { return {}; }

}  // namespace fairlead::dns
