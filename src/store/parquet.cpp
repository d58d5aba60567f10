#include "store/parquet.h"

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>

#include "base/error.h"

namespace fs = std::filesystem;

namespace vernier::store {

namespace {

void must(const arrow::Status& status, const fs::path& file) {
  if (!status.ok()) throw Failure(fmt::format("{}: could not be written: {}", file.string(), status.ToString()));
}

template <class Result>
auto must_have(Result&& result, const fs::path& file) {
  must(result.status(), file);
  return std::move(result).ValueUnsafe();
}

template <class Builder, class Type>
std::shared_ptr<arrow::Array> array_of(const std::vector<Value>& values, const fs::path& file) {
  Builder builder;
  for (const Value& value : values)
    must(std::holds_alternative<Type>(value) ? builder.Append(std::get<Type>(value)) : builder.AppendNull(), file);
  return must_have(builder.Finish(), file);
}

std::shared_ptr<arrow::Array> array_of(const TypedColumn& column, const fs::path& file) {
  switch (column.type) {
    case ColumnType::Integer:
      return array_of<arrow::Int64Builder, std::int64_t>(column.values, file);
    case ColumnType::Number:
      return array_of<arrow::DoubleBuilder, double>(column.values, file);
    case ColumnType::Text:
      break;
  }
  return array_of<arrow::StringBuilder, std::string>(column.values, file);
}

template <class ArrowType>
const auto& value_of(const arrow::Scalar& scalar) {
  return static_cast<const typename arrow::TypeTraits<ArrowType>::ScalarType&>(scalar).value;
}

Cell text_cell(std::string text) { return {.text = std::move(text), .number = std::nullopt}; }

template <class Number>
Cell number_cell(Number number) {
  return {.text = fmt::format("{}", number), .number = static_cast<double>(number)};
}

Cell cell_of(const arrow::Scalar& scalar) {
  if (!scalar.is_valid) return {};
  switch (scalar.type->id()) {
    case arrow::Type::INT8:
      return number_cell(static_cast<int>(value_of<arrow::Int8Type>(scalar)));
    case arrow::Type::INT16:
      return number_cell(value_of<arrow::Int16Type>(scalar));
    case arrow::Type::INT32:
      return number_cell(value_of<arrow::Int32Type>(scalar));
    case arrow::Type::INT64:
      return number_cell(value_of<arrow::Int64Type>(scalar));
    case arrow::Type::UINT8:
      return number_cell(static_cast<int>(value_of<arrow::UInt8Type>(scalar)));
    case arrow::Type::UINT16:
      return number_cell(value_of<arrow::UInt16Type>(scalar));
    case arrow::Type::UINT32:
      return number_cell(value_of<arrow::UInt32Type>(scalar));
    case arrow::Type::UINT64:
      return number_cell(value_of<arrow::UInt64Type>(scalar));
    case arrow::Type::FLOAT:
      return number_cell(value_of<arrow::FloatType>(scalar));
    case arrow::Type::DOUBLE:
      return number_cell(value_of<arrow::DoubleType>(scalar));
    case arrow::Type::DICTIONARY: {
      const auto decoded = static_cast<const arrow::DictionaryScalar&>(scalar).GetEncodedValue();
      return decoded.ok() ? cell_of(**decoded) : Cell{};
    }
    default:
      return text_cell(scalar.ToString());  // text, truth values, dates, lists
  }
}

Column column_of(const std::string& name, const arrow::ChunkedArray& chunks, const fs::path& file) {
  Column column{.name = name, .cells = {}};
  column.cells.reserve(static_cast<std::size_t>(chunks.length()));
  for (const auto& chunk : chunks.chunks())
    for (std::int64_t row = 0; row < chunk->length(); ++row) {
      const auto scalar = chunk->GetScalar(row);
      if (!scalar.ok())
        throw Error(fmt::format("{}: row {}: {}: {}", file.string(), column.cells.size() + 1, name,
                                scalar.status().ToString()));
      column.cells.push_back(cell_of(**scalar));
    }
  return column;
}

std::shared_ptr<arrow::Table> arrow_table(const fs::path& file) {
  const auto open = [&]() -> arrow::Result<std::shared_ptr<arrow::Table>> {
    ARROW_ASSIGN_OR_RAISE(auto input, arrow::io::ReadableFile::Open(file.string()));
    ARROW_ASSIGN_OR_RAISE(auto reader, parquet::arrow::OpenFile(input, arrow::default_memory_pool()));
    return reader->ReadTable();
  };
  auto table = open();
  if (!table.ok())
    throw Error(fmt::format("{}: not a Parquet file that can be read: {}", file.string(), table.status().ToString()));
  return table.ValueUnsafe();
}

}  // namespace

void write_parquet(const std::vector<TypedColumn>& columns, const fs::path& file) {
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  for (const TypedColumn& column : columns) {
    arrays.push_back(array_of(column, file));
    fields.push_back(arrow::field(column.name, arrays.back()->type(), true,
                                  arrow::key_value_metadata({"meaning"}, {column.meaning})));
  }
  const auto table = arrow::Table::Make(arrow::schema(fields), arrays);
  const auto output = must_have(arrow::io::FileOutputStream::Open(file.string()), file);
  const auto properties = parquet::WriterProperties::Builder().compression(arrow::Compression::ZSTD)->build();
  constexpr std::int64_t kRowsOfGroup = 1 << 16;
  must(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), output, kRowsOfGroup, properties,
                                  parquet::ArrowWriterProperties::Builder().store_schema()->build()),
       file);
  must(output->Close(), file);
}

Table read_parquet(const fs::path& file) {
  const auto source = arrow_table(file);
  Table table{.file = file.string(), .columns = {}, .places = {}};
  for (int i = 0; i < source->num_columns(); ++i)
    table.columns.push_back(column_of(source->field(i)->name(), *source->column(i), file));
  for (std::int64_t row = 1; row <= source->num_rows(); ++row)
    table.places.push_back(fmt::format("{}: row {}", table.file, row));
  return table;
}

}  // namespace vernier::store
