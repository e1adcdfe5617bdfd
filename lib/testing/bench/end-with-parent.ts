/** Imported by the programs of the bench: they end when their parent does, however it ends. */
process.once("disconnect", () => process.exit());
process.channel?.ref();
